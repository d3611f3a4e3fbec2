"""Files in, pixels and sound out; and back.

Inward, everything runs in a child process with a memory, a processor and a time limit (`decoder.py` starts it,
`child/` is what it runs), because files come from strangers and decoders are large C programs. Pictures are RGB
uint8 (H, W, 3) as displayed; times are the container's own.

    probe.probe(path)        what the file is, with its SHA-256
    video.frames(path)       its frames one after the other, in bounded memory; a still picture is one frame
    image.read_image(path)   one still picture
    sound.read_sound(path)   mono sound
    write.write_video(...)   a clip with given times; write.atomic_write(...) bytes, all or nothing
"""
