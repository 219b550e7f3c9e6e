-- A month's list is nearly all people for whom nothing changes. As a row each they cost as long as booking their money, and 140 bytes for what
-- their membership says as well; now a thousand of them are one row of columns. Whoever changes, joins, leaves or brings a phone number stands
-- in a row of his own as before. `roster_row` shows both as what it was: a row a person.
ALTER TABLE roster_row RENAME TO roster_change;

CREATE TABLE roster_part (
  centre_id         smallint  NOT NULL,
  roster_id         bigint    NOT NULL,
  first             integer   NOT NULL,     -- place of the first of them among those for whom nothing changes
  line              integer[] NOT NULL,
  person_id         bigint[]  NOT NULL,
  account_id        bigint[]  NOT NULL,
  membership_id     bigint[]  NOT NULL,
  base_fen          bigint[]  NOT NULL,
  ratio_employer_bp integer[] NOT NULL,
  ratio_employee_bp integer[] NOT NULL,
  employer_fen      bigint[]  NOT NULL,
  employee_fen      bigint[]  NOT NULL,
  PRIMARY KEY (centre_id, roster_id, first),
  CHECK (cardinality(line) > 0
         AND cardinality(person_id) = cardinality(line) AND cardinality(account_id) = cardinality(line)
         AND cardinality(membership_id) = cardinality(line) AND cardinality(base_fen) = cardinality(line)
         AND cardinality(ratio_employer_bp) = cardinality(line) AND cardinality(ratio_employee_bp) = cardinality(line)
         AND cardinality(employer_fen) = cardinality(line) AND cardinality(employee_fen) = cardinality(line))
);

-- Columns that are read as a whole: pglz takes as long to press them as the rows took to be written.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['line', 'person_id', 'account_id', 'membership_id', 'base_fen', 'ratio_employer_bp', 'ratio_employee_bp',
                              'employer_fen', 'employee_fen'] LOOP
    EXECUTE format('ALTER TABLE roster_part ALTER COLUMN %I SET COMPRESSION lz4', name);
  END LOOP;
EXCEPTION WHEN feature_not_supported THEN
  RAISE NOTICE 'this server has no lz4';
END $$;

CREATE VIEW roster_row AS
SELECT centre_id, roster_id, line, change, person_id, account_id, membership_id, is_new_person, is_new_account, base_fen,
       ratio_employer_bp, ratio_employee_bp, employer_fen, employee_fen, id_index, id_sealed, name_index, name_sealed, phone_index,
       phone_sealed, base_before_fen, monthly_before_fen
  FROM roster_change
 UNION ALL
SELECT centre_id, roster_id, unnest(line), 0::smallint, unnest(person_id), unnest(account_id), unnest(membership_id), false, false,
       unnest(base_fen), unnest(ratio_employer_bp), unnest(ratio_employee_bp), unnest(employer_fen), unnest(employee_fen),
       NULL::bytea, NULL::bytea, NULL::bytea, NULL::bytea, NULL::bytea, NULL::bytea, NULL::bigint, NULL::bigint
  FROM roster_part;

-- For the program of before, while it still serves: it writes where it wrote. To be dropped once no program does.
CREATE FUNCTION roster_row_written() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO roster_change SELECT NEW.*;
    ELSE
        UPDATE roster_change
           SET id_index = NEW.id_index, id_sealed = NEW.id_sealed, name_index = NEW.name_index, name_sealed = NEW.name_sealed,
               phone_index = NEW.phone_index, phone_sealed = NEW.phone_sealed
         WHERE centre_id = OLD.centre_id AND roster_id = OLD.roster_id AND line = OLD.line;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER roster_row_written INSTEAD OF INSERT OR UPDATE ON roster_row FOR EACH ROW EXECUTE FUNCTION roster_row_written();

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    GRANT SELECT, INSERT ON roster_part, roster_row TO anju_app;
  END IF;
END $$;
