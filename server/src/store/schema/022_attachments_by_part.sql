-- Which part names an attachment: signed sheets are named by the customer's, and are read by those who may read that.
ALTER TABLE ticket_photos ADD COLUMN part INTEGER NOT NULL DEFAULT 0;
