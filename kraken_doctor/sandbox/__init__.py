"""
An exchange on loopback that applies Kraken's documented rules, and can have every fault that the doctor can name.

It signs and judges by itself and imports nothing of the client, the checks or the diagnosis: an error
shared with them would cancel out, and the tests would see nothing.
"""
