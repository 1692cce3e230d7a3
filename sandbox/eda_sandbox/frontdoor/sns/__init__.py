"""What SNS refuses, and what it sends, where the emulator does otherwise (recorded, LocalStack's test_sns.py)."""
