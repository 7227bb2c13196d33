"""Amazon CloudFront: signed URLs and invalidations."""
