"""Amazon S3: pictures, uploads, archives, quarantine."""
