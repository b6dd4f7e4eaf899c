"""Shards: Parquet and tar files that each hold many media, on disk or on the Hugging Face Hub."""
