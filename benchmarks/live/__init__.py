"""A live bot and the doctor on one key, over a line that takes its time: the parts of `benchmarks.live_bots`."""
