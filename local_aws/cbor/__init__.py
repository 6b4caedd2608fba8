"""Smithy RPC v2 CBOR in front of moto, which speaks each service's older protocols only.

https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""
