# The release that the host runs: the package b3lake and its launchers in ec2/, the pinned requirements, the units and the settings, uploaded
# under the hash of them all. The object `release` names the one in force, and the host follows it (host/update_host.sh):
# so `terraform apply` is how an update of code or settings reaches the host, without a new instance.
locals {
  project = "${path.module}/.."

  code_files = [for name in fileset(local.project, "{b3lake,ec2,queries}/**") : name if !can(regex("(^|/)(__pycache__|\\.[^/]*)(/|$)|\\.pyc$", name))]

  release_files = merge(
    { for name in concat(local.code_files, ["pyproject.toml", "requirements/ingest.txt"]) : name => file("${local.project}/${name}") },
    { for name in fileset(path.module, "{host,systemd}/**") : name => file("${path.module}/${name}") },
    {
      "systemd/system/b3-ingestion.timer" = templatefile("${path.module}/templates/b3-ingestion.timer.tftpl", {
        schedule_time = local.schedule_time
        timezone      = local.timezone
      })
      "systemd/system/b3-update.service" = templatefile("${path.module}/templates/b3-update.service.tftpl", {
        host_bucket = aws_s3_bucket.private["host"].bucket
        region      = var.region
      })
      "ingestion.env" = templatefile("${path.module}/templates/ingestion.env.tftpl", { settings = local.settings })
    },
  )

  settings = merge(
    {
      AWS_DEFAULT_REGION = var.region
      START_DATE         = var.start_date
      END_DATE           = var.end_date
      RAW_BUCKET         = local.raw_bucket
      GLUE_DATABASE      = local.glue_database
    },
    length(var.tickers) == 0 ? {} : { TICKERS = join(",", var.tickers) },
    var.ingestion_environment,
    {
      INGESTION_LOCK   = "/opt/b3-lake"
      LAKE_ENV         = var.env
      METRIC_NAMESPACE = local.metric_namespace
      LOG_GROUP        = var.cloudwatch_logs ? local.log_group : ""
      STOP_AFTER_RUN   = tostring(var.stop_after_run)
    },
  )

  manifest = join("", [for name, content in local.release_files : "${sha256(content)}  ${name}\n"])
  release  = substr(sha256(local.manifest), 0, 16)
}

resource "aws_s3_object" "release" {
  for_each = merge(local.release_files, { MANIFEST = local.manifest })

  bucket  = aws_s3_bucket.private["host"].bucket
  key     = "releases/${local.release}/${each.key}"
  content = each.value
  tags    = local.tags

  # The new release is there whole before the host is pointed to it, and the old one goes after that.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_s3_object" "current_release" {
  bucket  = aws_s3_bucket.private["host"].bucket
  key     = "release"
  content = local.release
  tags    = local.tags

  depends_on = [aws_s3_object.release]
}
