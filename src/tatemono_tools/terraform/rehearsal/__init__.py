"""The rehearsal: the whole AWS building, built by the real Terraform and the real provider against emulators."""
