-- leads partitioned by their account; the key includes the account, and ids are unique over all.
CREATE TABLE account (
    id integer PRIMARY KEY,
    name text NOT NULL,
    timezone text,
    ghl_location_id text,
    ghl_token text,
    calendly_user text,
    calendly_token text
);
CREATE SEQUENCE lead_id_seq;
CREATE TABLE lead_p (
    id bigint NOT NULL DEFAULT nextval('lead_id_seq'),
    account_id integer NOT NULL REFERENCES account,
    email text,
    ghl_contact_id text,
    status text NOT NULL DEFAULT 'new',
    booking_id text,
    booking_provider text,
    booking_status text,
    booking_starts_at timestamptz,
    booking_ends_at timestamptz,
    booking_canceled_at timestamptz,
    in_sequence boolean NOT NULL DEFAULT false,
    last_inbound_at timestamptz,
    PRIMARY KEY (account_id, id)
) PARTITION BY HASH (account_id);
CREATE TABLE lead_p0 PARTITION OF lead_p FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE lead_p1 PARTITION OF lead_p FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX ON lead_p (id);

-- fill
INSERT INTO account SELECT n, name, timezone, ghl_location_id, ghl_token, calendly_user, calendly_token
FROM simulated_workspace;
INSERT INTO lead_p
SELECT nextval('lead_id_seq'), workspace_n, email, contact_id, status, booking_id, booking_provider, booking_status,
    booking_starts_at, booking_ends_at, NULL, in_sequence, last_inbound_at FROM simulated_lead;
