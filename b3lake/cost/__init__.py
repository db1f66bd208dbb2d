"""What the lake costs in a month, from requests and list prices."""
