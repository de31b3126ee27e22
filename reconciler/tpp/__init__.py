"""The server: session, authentication, wire to model and back.

The only room that speaks to TPP; wire dictionaries stop here.
"""
