// Lists, downloads and verifies checkpoints of a nascore server: nothing but the .proto files, and no generated code.
//
//   node weights.mjs ADDRESS TOKEN_FILE                    list
//   node weights.mjs ADDRESS TOKEN_FILE CHECKPOINT FOLDER  download into FOLDER, one safetensors file each, and verify
//
// Every piece is proven by its CRC-32C, every blob by its BLAKE3 digest, and the manifest by the checkpoint's id.

import { mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { blake3, createBLAKE3, createCRC32 } from "hash-wasm";

const PROTOS = process.env.NASCORE_PROTOS ?? fileURLToPath(new URL("../../protos", import.meta.url));
const CASTAGNOLI = 0x82f63b78;
const MOST_MANIFEST = 64 * 2 ** 20;
const PAGE = 1000;

class DamageError extends Error {}

// With NASCORE_TLS_ROOTS, a file of certificates, the server has to prove that it is the one; else nothing is encrypted.
async function connect(address, tokenFile) {
  const token = (await readFile(tokenFile, "utf8")).trim();
  const roots = process.env.NASCORE_TLS_ROOTS;
  const credentials = roots ? grpc.credentials.createSsl(await readFile(roots)) : grpc.credentials.createInsecure();
  const options = { includeDirs: [PROTOS], longs: Number, keepCase: true, defaults: true };
  const definition = loadSync("nascore/v1/weights.proto", options);
  const { WeightService } = grpc.loadPackageDefinition(definition).nascore.v1;
  const client = new WeightService(address, credentials);
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  return { client, metadata };
}

function call({ client, metadata }, method, request) {
  return new Promise((resolve, reject) => {
    client[method](request, metadata, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

export async function* checkpoints(server) {
  let token = "";
  do {
    const page = await call(server, "ListCheckpoints", { page_size: PAGE, page_token: token });
    yield* page.checkpoints ?? [];
    token = page.next_page_token;
  } while (token);
}

// Returns the manifest of a checkpoint; its id is the first half of the digest of its bytes.
export async function manifestOf(server, checkpoint) {
  const pieces = [];
  let size = 0;
  for await (const piece of server.client.GetManifest({ checkpoint }, server.metadata)) {
    size += piece.data.length;
    if (size > MOST_MANIFEST) throw new DamageError(`the manifest of ${checkpoint} does not end`);
    pieces.push(piece.data);
  }
  const content = Buffer.concat(pieces);
  const digest = await blake3(content);
  if (digest.slice(0, 32) !== checkpoint) throw new DamageError(`the manifest of ${checkpoint} has other bytes`);
  return JSON.parse(content.toString("utf8"));
}

// A blob that is being downloaded: written beside its place, and renamed when it is whole and proven.
class Blob {
  static async begin(folder, digest, size) {
    const blob = new Blob();
    Object.assign(blob, { digest, size, offset: 0, place: join(folder, `${digest}.safetensors`) });
    blob.beside = `${blob.place}.part`;
    blob.file = await open(blob.beside, "w");
    blob.hasher = (await createBLAKE3()).init();
    return blob;
  }

  async add(offset, data) {
    if (offset !== this.offset) throw new DamageError(`blob ${this.digest}: byte ${this.offset} is next, not ${offset}`);
    this.hasher.update(data);
    await this.file.write(data);
    this.offset += data.length;
  }

  async finish() {
    await this.file.close();
    if (this.offset !== this.size || this.hasher.digest("hex") !== this.digest) {
      await rm(this.beside);
      throw new DamageError(`blob ${this.digest} has other bytes`);
    }
    await rename(this.beside, this.place);
  }
}

// Downloads all blobs of a checkpoint into a folder and returns its manifest, when every byte is proven.
export async function download(server, checkpoint, folder) {
  const manifest = await manifestOf(server, checkpoint);
  const awaited = new Set(manifest.tensors.map(([, , , digest]) => digest));
  await mkdir(folder, { recursive: true });
  const crc = await createCRC32(CASTAGNOLI);
  let blob = null;
  for await (const piece of server.client.Download({ checkpoint }, server.metadata)) {
    const found = Number.parseInt(crc.init().update(piece.data).digest("hex"), 16);
    if (found !== piece.crc32c) throw new DamageError(`a piece of blob ${piece.digest || blob?.digest} has other bytes`);
    if (piece.digest && piece.digest !== blob?.digest) {
      await blob?.finish();
      if (!awaited.delete(piece.digest)) throw new DamageError(`blob ${piece.digest} was not asked for`);
      blob = await Blob.begin(folder, piece.digest, piece.size);
    }
    await blob.add(piece.offset, piece.data);
  }
  await blob?.finish();
  if (awaited.size) throw new DamageError(`${awaited.size} blobs did not come`);
  await writeFile(join(folder, `${checkpoint}.json`), JSON.stringify(manifest, null, 2));
  return manifest;
}

async function main([address, tokenFile, checkpoint, folder]) {
  if (!tokenFile || Boolean(checkpoint) !== Boolean(folder)) {
    console.error("usage: node weights.mjs ADDRESS TOKEN_FILE [CHECKPOINT FOLDER]");
    return 2;
  }
  let server;
  try {
    server = await connect(address, tokenFile);
    if (!checkpoint) {
      for await (const one of checkpoints(server)) {
        console.log(`${one.checkpoint} ${one.experiment} trial ${one.trial} ${one.size} bytes`);
      }
      return 0;
    }
    const { tensors } = await download(server, checkpoint, folder);
    const bytes = tensors.reduce((sum, [, , , , size]) => sum + size, 0);
    console.log(`${checkpoint}: ${tensors.length} tensors, ${bytes} bytes, all proven`);
    return 0;
  } catch (error) {
    console.error(error instanceof DamageError ? `damaged: ${error.message}` : (error.details ?? error.message));
    return 1;
  } finally {
    server?.client.close();
  }
}

process.exitCode = await main(process.argv.slice(2));
