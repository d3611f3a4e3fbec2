"""Content review that evasion does not defeat: what comes in goes through checks, a policy decides, people review.

item.Item               what is reviewed: a file or a text, with what can be read off it, each thing at most once
checks/*.py             one question each, cheap ones first -> Evidence
policy.py               (question, band, context) -> action
gateway.Gateway         item -> Decision
decision.Decision       action, reasons that point at the original place, evidence, what was not looked at
queue.py                who looks at what was put to review; hash-chained log
bank.py                 hashes of what is known, with source and reason
"""
