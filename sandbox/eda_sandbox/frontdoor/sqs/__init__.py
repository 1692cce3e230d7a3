"""What SQS refuses, and what it forgives, where the emulator does otherwise."""
