"""What a bot imports: private calls one at a time, on krakenex and on other libraries' clients."""
