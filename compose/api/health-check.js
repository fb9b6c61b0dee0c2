// Docker's health check of this image. What it prints is kept by Docker, for whoever asks why.
const response = await fetch('http://127.0.0.1:3000/api/health', { signal: AbortSignal.timeout(2500) });
console.log(response.status, (await response.text()).slice(0, 300));
process.exit(response.ok ? 0 : 1);
