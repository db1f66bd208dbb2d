"""The cost of the lake in a month, from requests and list prices."""
