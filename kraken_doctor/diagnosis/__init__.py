"""From evidence to named causes. Pure: no clock, no network, no file."""
