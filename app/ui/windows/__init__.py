"""The windows. (Builder split: see app/ui/SPLIT.md.)"""
