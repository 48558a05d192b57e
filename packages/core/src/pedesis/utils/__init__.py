"""Tools that know nothing of diffusion: names, files, pictures, random numbers, devices and precision.

registry, aliases, modules      choosing by name, in the words of other libraries too; code of one's own
files                           writing whole files or none
images                          pixels, grids, PNG and GIF
noise, philox                   seeded normal numbers; the same ones in any language
device, precision, hooks        where and in which arithmetic a network runs; what its layers say
distributed, launch             several processes as one, and how they meet

Everything may use this room; it uses nothing above `gaussian`.
"""

__all__ = [
    "aliases",
    "device",
    "distributed",
    "files",
    "hooks",
    "images",
    "launch",
    "modules",
    "noise",
    "philox",
    "precision",
    "registry",
]
