// Orders: what must never be lost. An order is acknowledged only when the database has it.
import { within } from './deadline.js';
import { version } from './settings.js';

const durable = { writeConcern: { w: 'majority' } };
const duplicateKey = 11_000;
const announceMs = 1000;

// Since v0.0.2 every order says its currency; that version's migration added it to the older ones.
const withCurrency = version !== 'v0.0.1';

export function ordersIn({ mongo, redis, queue }) {
  const orders = mongo.db().collection('orders');

  // Counter and queue only announce what the database already holds: their failure doesn't undo an order.
  async function announce(order) {
    const attempts = [redis?.incr('orders:accepted'), queue?.publish(order)].filter((each) => each !== undefined);
    const results = await Promise.allSettled(attempts.map((attempt) => within(announceMs, attempt)));
    for (const { reason } of results) {
      if (reason) console.error(`order ${order.number} was accepted but not announced: ${reason.message}`);
    }
  }

  return {
    /** @returns {Promise<'accepted' | 'duplicate' | 'invalid'>} */
    async accept({ number, item }) {
      if (!Number.isSafeInteger(number) || typeof item !== 'string') return 'invalid';
      const order = {
        number,
        item,
        price: 100 + (Math.abs(number) % 900),
        ...(withCurrency && { currency: 'USD' }),
        acceptedBy: version,
        acceptedAt: new Date(),
      };
      try {
        await orders.insertOne(order, durable);
      } catch (error) {
        if (error.code === duplicateKey) return 'duplicate';
        throw error;
      }
      await announce({ number, item });
      return 'accepted';
    },

    withNumber: (number) => orders.find({ number }).limit(100).toArray(),

    between: (from, to) =>
      orders
        .find({ number: { $gte: from, $lte: to } }, { projection: { _id: 0, number: 1, acceptedBy: 1 } })
        .sort({ number: 1 })
        .limit(20_000)
        .toArray(),

    count: () => orders.countDocuments(),
  };
}
