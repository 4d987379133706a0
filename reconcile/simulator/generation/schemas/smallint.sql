-- statuses and providers as numbers, without a lookup table.
CREATE TABLE organisation (
    organisation_id serial PRIMARY KEY,
    title text NOT NULL,
    tz text,
    ghl_location text,
    ghl_api_key text,
    calendly_uri text,
    calendly_pat text
);
CREATE TABLE prospect (
    prospect_id serial PRIMARY KEY,
    organisation_id integer NOT NULL REFERENCES organisation,
    email text,
    ghl_contact text,
    status smallint NOT NULL DEFAULT 0,
    booking_ref text,
    booking_provider smallint,
    booking_state smallint,
    booking_starts timestamptz,
    booking_ends timestamptz,
    booking_cancelled timestamptz,
    sequence_running smallint NOT NULL DEFAULT 0,
    last_message_at timestamptz
);
COMMENT ON COLUMN prospect.status IS '0 new, 1 qualified, 2 booked, 3 customer, 4 lost';
COMMENT ON COLUMN prospect.booking_provider IS '1 ghl, 2 calendly';
COMMENT ON COLUMN prospect.booking_state IS '1 confirmed, 2 canceled, 3 showed, 4 no-show';
CREATE INDEX ON prospect (organisation_id);

-- fill
INSERT INTO organisation SELECT n, name, timezone, ghl_location_id, ghl_token, calendly_user, calendly_token
FROM simulated_workspace;
INSERT INTO prospect
SELECT n, workspace_n, email, contact_id,
    array_position(ARRAY['new', 'qualified', 'meeting-booked', 'customer', 'lost'], status) - 1, booking_id,
    array_position(ARRAY['ghl', 'calendly'], booking_provider),
    array_position(ARRAY['confirmed', 'canceled', 'showed', 'no_show'], booking_status),
    booking_starts_at, booking_ends_at, NULL, in_sequence::integer, last_inbound_at FROM simulated_lead;
