-- +goose Up

-- From here on whatever is in store must be on record. Valuations and overrides
-- that earlier versions stored without naming them are put on record as they
-- are found now.
SELECT audit_append(v.institution, 'system', 'valuation.adopt', v.id, convert_to(json_build_object('valuation', v.id, 'valuation_hash', encode(v.hash, 'base64'))::text, 'UTF8'))
FROM valuations v
WHERE NOT EXISTS (SELECT FROM audit a WHERE a.subject = v.id)
AND NOT EXISTS (SELECT FROM batch_rows r WHERE r.valuation = v.id)
AND NOT EXISTS (SELECT FROM audit a WHERE a.action = 'book.revalue' AND position(v.id IN convert_from(a.detail, 'UTF8')) > 0)
ORDER BY v.id;

SELECT audit_append(v.institution, 'system', 'override.adopt', v.id, convert_to(json_build_object('override', o.id, 'value', o.value)::text, 'UTF8'))
FROM overrides o JOIN valuations v ON v.id = o.valuation_id
WHERE NOT EXISTS (SELECT FROM audit a WHERE a.subject = v.id AND position(o.id IN convert_from(a.detail, 'UTF8')) > 0)
ORDER BY o.id;
