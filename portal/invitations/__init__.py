"""Invitations: from "Enable Patient Access" to the moment the link is used up."""
