"""The trial SDK's part of the command line: it imports neither torch nor the SDK, which run in helper processes."""
