-- A change of keys may be said again with an earlier end: each saying is a transition and a leaf (its `seq`) of its own, and the earliest end counts.
ALTER TABLE log_transition ADD COLUMN nth smallint NOT NULL DEFAULT 0;
ALTER TABLE log_transition DROP CONSTRAINT log_transition_pkey, ADD PRIMARY KEY (centre_id, generation, nth);
