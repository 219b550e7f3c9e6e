-- Up to nineteen heirs beside the applicant (policy/national/estate.toml).
ALTER TABLE estate_consent DROP CONSTRAINT estate_consent_place_check,
                           ADD CONSTRAINT estate_consent_place_check CHECK (place BETWEEN 2 AND 20);
