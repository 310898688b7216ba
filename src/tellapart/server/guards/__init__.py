"""What stands before the routes: each guard is one small piece of ASGI, and one idea."""
