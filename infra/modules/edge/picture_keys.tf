# Keys that check the signature of picture URLs. To change the key: add the new one, apply; let the services sign with it
# (secret and picture_url_signing_key), apply; when the last URL of the old one has run out, remove it, apply.

resource "aws_cloudfront_public_key" "picture" {
  for_each = var.picture_url_public_keys

  name    = "${var.prefix}-${each.key}"
  comment = "Checks picture URLs"
  # CloudFront always gives the key back with a line end.
  encoded_key = "${trimspace(each.value)}\n"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudfront_key_group" "pictures" {
  name    = "${var.prefix}-pictures"
  comment = "Keys that check picture URLs"
  items   = [for key in aws_cloudfront_public_key.picture : key.id]
}
