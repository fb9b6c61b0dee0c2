// The stand-in's collections: one JSON file each, rewritten whole and renamed into place, so that a kill never leaves half.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export function openCollections(folder) {
  mkdirSync(folder, { recursive: true });
  const collections = new Map();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
    const { name, config, points } = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    collections.set(name, { config, points: new Map(points.map((point) => [String(point.id), point])) });
  }

  const fileOf = (name) => join(folder, `${encodeURIComponent(name)}.json`);

  function save(name) {
    const { config, points } = collections.get(name);
    const file = fileOf(name);
    writeFileSync(`${file}.new`, JSON.stringify({ name, config, points: [...points.values()] }));
    renameSync(`${file}.new`, file);
  }

  return {
    names: () => [...collections.keys()],
    get: (name) => collections.get(name),
    create(name, config) {
      collections.set(name, { config, points: new Map() });
      save(name);
    },
    remove(name) {
      const existed = collections.delete(name);
      rmSync(fileOf(name), { force: true });
      return existed;
    },
    upsert(name, points) {
      for (const point of points) collections.get(name).points.set(String(point.id), point);
      save(name);
    },
    removePoints(name, ids) {
      for (const id of ids) collections.get(name).points.delete(String(id));
      save(name);
    },
  };
}
