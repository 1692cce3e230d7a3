"""Small clients of AWS, for functions whose initialisation has to fit a small share of a processor.

They do one call each, and load nothing that Lambda's runtime has not loaded but ``ssl``: no botocore, no urllib3.
"""
