"""The only floor that speaks HTTP outward."""
