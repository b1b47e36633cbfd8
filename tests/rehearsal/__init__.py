"""`make rehearse`: what the other tests stand on, and the way from the wheel into a company's network.

The sandbox must refuse what the vendors refuse, the shared kits must forget what a test did, the wheel must hold the
whole product, and Relatch must find its way through a proxy.
"""
