-- What waits for a person is counted at every look at the overview, and listed by its reason.

CREATE INDEX inbox_quarantined ON inbox (verdict, id) WHERE state = 'quarantined' AND superseded_by IS NULL;
