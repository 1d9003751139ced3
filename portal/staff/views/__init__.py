"""The staff's views: load, form, one service call, answer. Who may come here is the access table's business."""
