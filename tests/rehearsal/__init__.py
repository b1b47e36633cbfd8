"""`make rehearse`: Relatch from outside, as it is installed and run, and what all tests stand on.

It is started, stopped and spoken to as processes: by Slack, by the operator's command line, from the wheel, in a
company's network. The sandbox must refuse what the vendors refuse, and the shared kits must forget what a test did.
"""
