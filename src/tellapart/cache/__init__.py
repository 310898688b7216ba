"""What is kept between runs because it takes time to make. Touches the cache's folder alone."""
