# Two private buckets. They are apart because whoever may write query results must not be able to write the code that
# the host runs.
locals {
  buckets = {
    athena = "${local.prefix}-athena-${local.account_id}"
    host   = "${local.prefix}-host-${local.account_id}"
  }
}

resource "aws_s3_bucket" "private" {
  #checkov:skip=CKV_AWS_18:access logs would cost more than these buckets hold: query results and a copy of this checkout's ec2/
  #checkov:skip=CKV_AWS_21:results can be queried again and releases are named by their hash, so no version is worth paying for
  #checkov:skip=CKV_AWS_144:nothing in it is worth a second region, all of it can be made again
  #checkov:skip=CKV_AWS_145:quotes are public and code is in the repository: SSE-S3 is enough, a key costs 1 USD a month
  #checkov:skip=CKV2_AWS_62:nothing waits for an object here
  for_each = local.buckets

  bucket        = each.value
  force_destroy = true
  tags          = local.tags
}

resource "aws_s3_bucket_public_access_block" "private" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.private[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "private" {
  for_each = local.buckets

  bucket = aws_s3_bucket.private[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "private" {
  for_each = local.buckets

  bucket = aws_s3_bucket.private[each.key].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_policy" "tls_only" {
  for_each = local.buckets

  bucket = aws_s3_bucket.private[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.private[each.key].arn, "${aws_s3_bucket.private[each.key].arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  # S3 refuses two changes of one bucket's access settings at the same time.
  depends_on = [aws_s3_bucket_public_access_block.private]
}

resource "aws_s3_bucket_lifecycle_configuration" "athena" {
  bucket = aws_s3_bucket.private["athena"].id

  rule {
    id     = "expire-results"
    status = "Enabled"

    filter {
      prefix = "results/"
    }

    expiration {
      days = var.athena_results_days
    }
  }

  rule {
    id     = "abort-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "host" {
  bucket = aws_s3_bucket.private["host"].id

  rule {
    id     = "abort-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}
