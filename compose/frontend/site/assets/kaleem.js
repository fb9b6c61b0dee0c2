// Shows which version answers, and orders.
const byId = (id) => document.getElementById(id);

async function show() {
  const [{ version }, { count }] = await Promise.all(
    ['/api/version', '/api/orders/count'].map(async (path) => (await fetch(path)).json()),
  );
  byId('api-version').textContent = version;
  byId('order-count').textContent = count;
}

byId('order').addEventListener('submit', async (event) => {
  event.preventDefault();
  const item = new FormData(event.target).get('item');
  const response = await fetch('/api/orders', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ number: Date.now(), item }),
  });
  byId('outcome').textContent = response.ok ? 'Thank you.' : `That did not work (${response.status}).`;
  await show();
});

show().catch((error) => {
  byId('outcome').textContent = error.message;
});
