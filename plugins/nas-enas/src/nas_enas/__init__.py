"""ENAS and other policy-gradient search for nascore."""
