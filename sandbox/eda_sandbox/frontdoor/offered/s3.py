"""What the sandbox offers of S3: buckets and objects, their versions, conditions, uploads in parts, events and tags."""

from eda_sandbox.foundation.cloud import ACCOUNT
from eda_sandbox.foundation.offered import Offered

_BUCKET = f"Bucket ExpectedBucketOwner={ACCOUNT}"
_KEY = f"{_BUCKET} Key"
_KEPT = "CacheControl ContentDisposition ContentEncoding ContentLanguage ContentType Expires Metadata"
_ENCRYPTION = "ServerSideEncryption=AES256|aws:kms SSEKMSKeyId ~BucketKeyEnabled"
_CHECKSUMS = "ChecksumCRC32 ChecksumCRC32C ChecksumCRC64NVME ChecksumSHA1 ChecksumSHA256"
_BODY = f"Body ContentLength ContentMD5 ChecksumAlgorithm {_CHECKSUMS}"
_NEW = f"{_KEPT} {_ENCRYPTION} ~StorageClass ~ACL=private|bucket-owner-full-control"
_CONDITIONS = "IfMatch IfNoneMatch"
_READ = f"{_CONDITIONS} IfModifiedSince IfUnmodifiedSince VersionId ChecksumMode"
_ANSWER = (
    "ResponseCacheControl ResponseContentDisposition ResponseContentEncoding ResponseContentLanguage "
    "ResponseContentType ResponseExpires Range PartNumber"
)
_CHANGE = f"{_BUCKET} ContentMD5 ChecksumAlgorithm"
S3 = Offered(
    "s3",
    "UnsupportedArgument",
    {
        "AbortMultipartUpload": f"{_KEY} UploadId",
        "CompleteMultipartUpload": f"{_KEY} MultipartUpload UploadId {_CONDITIONS} MpuObjectSize ChecksumType "
        f"{_CHECKSUMS}",
        "CopyObject": f"{_KEY} {_NEW} {_CONDITIONS} CopySource CopySourceIfMatch CopySourceIfModifiedSince "
        "CopySourceIfNoneMatch CopySourceIfUnmodifiedSince MetadataDirective TaggingDirective Tagging "
        f"ChecksumAlgorithm ExpectedSourceBucketOwner={ACCOUNT}",
        "CreateBucket": "Bucket CreateBucketConfiguration.LocationConstraint ObjectOwnership ~ACL=private "
        "ObjectLockEnabledForBucket=false",
        "CreateMultipartUpload": f"{_KEY} {_NEW} ChecksumAlgorithm ChecksumType",
        "DeleteBucket": _BUCKET,
        "DeleteBucketEncryption": _BUCKET,
        "DeleteBucketLifecycle": _BUCKET,
        "DeleteBucketOwnershipControls": _BUCKET,
        "DeleteBucketPolicy": _BUCKET,
        "DeleteBucketTagging": _BUCKET,
        "DeleteObject": f"{_KEY} VersionId IfMatch IfMatchLastModifiedTime IfMatchSize",
        "DeleteObjectTagging": f"{_KEY} VersionId",
        "DeleteObjects": f"{_BUCKET} ChecksumAlgorithm Delete",
        "DeletePublicAccessBlock": _BUCKET,
        "GetBucketAcl": _BUCKET,
        "GetBucketCors": _BUCKET,
        "GetBucketEncryption": _BUCKET,
        "GetBucketLifecycleConfiguration": _BUCKET,
        "GetBucketLocation": _BUCKET,
        "GetBucketNotificationConfiguration": _BUCKET,
        "GetBucketOwnershipControls": _BUCKET,
        "GetBucketPolicy": _BUCKET,
        "GetBucketTagging": _BUCKET,
        "GetBucketVersioning": _BUCKET,
        "GetObject": f"{_KEY} {_READ} {_ANSWER}",
        "GetObjectAttributes": f"{_KEY} VersionId MaxParts PartNumberMarker ObjectAttributes",
        "GetObjectTagging": f"{_KEY} VersionId",
        "GetPublicAccessBlock": _BUCKET,
        "HeadBucket": _BUCKET,
        "HeadObject": f"{_KEY} {_READ}",
        "ListBuckets": "*",
        "ListMultipartUploads": f"{_BUCKET} Delimiter KeyMarker MaxUploads Prefix UploadIdMarker ~EncodingType",
        "ListObjectVersions": f"{_BUCKET} Delimiter KeyMarker MaxKeys Prefix VersionIdMarker ~EncodingType",
        "ListObjects": f"{_BUCKET} Delimiter EncodingType Marker MaxKeys Prefix",
        "ListObjectsV2": f"{_BUCKET} Delimiter EncodingType MaxKeys Prefix ContinuationToken FetchOwner StartAfter",
        "ListParts": f"{_KEY} MaxParts PartNumberMarker UploadId",
        "PutBucketEncryption": f"{_CHANGE} ServerSideEncryptionConfiguration",
        "PutBucketLifecycleConfiguration": f"{_BUCKET} ChecksumAlgorithm ~LifecycleConfiguration "
        "~TransitionDefaultMinimumObjectSize",
        "PutBucketNotificationConfiguration": f"{_BUCKET} NotificationConfiguration ~SkipDestinationValidation",
        "PutBucketOwnershipControls": f"{_CHANGE} OwnershipControls",
        "PutBucketPolicy": f"{_CHANGE} Policy",
        "PutBucketTagging": f"{_CHANGE} Tagging",
        "PutBucketVersioning": f"{_CHANGE} VersioningConfiguration -VersioningConfiguration.MFADelete",
        "PutObject": f"{_KEY} {_NEW} {_BODY} {_CONDITIONS} Tagging",
        "PutObjectTagging": f"{_KEY} {_CHANGE} VersionId Tagging",
        "PutPublicAccessBlock": f"{_CHANGE} ~PublicAccessBlockConfiguration",
        "UploadPart": f"{_KEY} {_BODY} PartNumber UploadId",
        "UploadPartCopy": f"{_KEY} CopySource CopySourceIfMatch CopySourceIfModifiedSince CopySourceIfNoneMatch "
        "CopySourceIfUnmodifiedSince CopySourceRange PartNumber UploadId",
    },
    "MethodNotAllowed",
)
