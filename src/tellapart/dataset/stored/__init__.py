"""Pictures that are read where they lie: in tars, in Parquet files, at an address."""
