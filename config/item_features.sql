-- The smallest statement of a stream: the changed items (:ids, a bigint[]) as they are. Columns are the model's item fields by name; what lies in
-- other tables is joined here, and what depends on the time takes :as_of (examples/cold-start/item_features.sql does both).
SELECT * FROM item WHERE item_id = ANY (:ids)
