"""Servers that tests run against: real ones, and strict receivers where no real one can be had."""
