"""Files of a dynamics run, frame by frame: a frame is whole and right, or it is not given."""
