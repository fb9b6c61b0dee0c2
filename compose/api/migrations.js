// What each version does to the database before it serves. Applied once, recorded in the collection `migrations`.
import { version } from './settings.js';

const seed = {
  name: '001-seed',
  async run(db) {
    await db.collection('orders').createIndex({ number: 1 }, { unique: true, name: 'number' });
    await db.collection('customers').createIndex({ email: 1 }, { unique: true, name: 'email' });
    const customers = ['ada', 'grace', 'kaleem'].map((name, index) => ({
      _id: index + 1,
      name,
      email: `${name}@example.org`,
      balance: 1000 * (index + 1),
    }));
    const products = ['date', 'fig', 'olive'].map((name, index) => ({
      _id: index + 1,
      name,
      price: 250 * (index + 1),
    }));
    await putAll(db.collection('customers'), customers);
    await putAll(db.collection('products'), products);
  },
};

const addCurrency = {
  name: '002-currency',
  async run(db) {
    await db.collection('orders').updateMany({ currency: { $exists: false } }, { $set: { currency: 'USD' } });
    await db.collection('orders').createIndex({ currency: 1, number: 1 }, { name: 'currency_number' });
  },
};

// A migration that nobody would want: v0.0.3 exists to be rolled back.
const corrupt = {
  name: '003-corrupt',
  async run(db) {
    await db.collection('orders').updateMany({}, { $set: { price: Number.NaN }, $unset: { item: '' } });
    await db.collection('orders').dropIndex('number');
    await db.collection('customers').drop();
    await db.collection('products').deleteOne({ _id: 2 });
    const junk = Array.from({ length: 50 }, (_, index) => ({ junk: true, number: -1 - (index % 5) }));
    await db.collection('orders').insertMany(junk);
    await db.collection('leftovers').insertOne({ made: 'by v0.0.3' });
  },
};

const migrationsOf = {
  'v0.0.1': [seed],
  'v0.0.2': [seed, addCurrency],
  'v0.0.3': [seed, addCurrency, corrupt],
  'v0.0.5': [seed, addCurrency],
};

// Images that are broken in another way leave the database alone.
export const migrations = migrationsOf[version] ?? [];

export async function migrate(db) {
  const applied = db.collection('migrations');
  for (const { name, run } of migrations) {
    if ((await applied.findOne({ _id: name })) !== null) continue;
    await run(db);
    await applied.insertOne({ _id: name, by: version, at: new Date() }, { writeConcern: { w: 'majority' } });
    console.log(`migration ${name} applied`);
  }
}

/** Idempotent: a migration that was cut off half-way runs again. */
async function putAll(collection, documents) {
  for (const document of documents) {
    await collection.replaceOne({ _id: document._id }, document, { upsert: true });
  }
}
