data "aws_vpc" "default" {
  count = var.subnet_id == null ? 1 : 0

  default = true
}

data "aws_subnet" "given" {
  count = var.subnet_id == null ? 0 : 1

  id = var.subnet_id
}

resource "aws_security_group" "host" {
  name        = "${local.prefix}-ingestion-host"
  description = "Ingestion host of the B3 lake (${var.env}): HTTPS out, nothing in unless ssh_cidr says so"
  vpc_id      = var.subnet_id == null ? data.aws_vpc.default[0].id : data.aws_subnet.given[0].vpc_id
  tags        = merge(local.tags, { Name = "${local.prefix}-ingestion-host" })

  lifecycle {
    create_before_destroy = true
  }
}

# Packages, AWS and the source of quotes all speak HTTPS; name and time service of the VPC pass every security group.
resource "aws_vpc_security_group_egress_rule" "https" {
  for_each = { ipv4 = "0.0.0.0/0", ipv6 = "::/0" }

  security_group_id = aws_security_group.host.id
  description       = "HTTPS out (${each.key})"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = each.key == "ipv4" ? each.value : null
  cidr_ipv6         = each.key == "ipv6" ? each.value : null
  tags              = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  count = var.ssh_cidr == null ? 0 : 1

  security_group_id = aws_security_group.host.id
  description       = "SSH from one range"
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_ipv4         = var.ssh_cidr
  tags              = local.tags
}
