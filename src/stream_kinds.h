/*
** stream_kinds.h - How the bytes of each kind of descriptor come and go.
*/
#ifndef sk_stream_kinds_h
#define sk_stream_kinds_h

#include "stream.h"

SK_FUNC const StreamKind sk_stream_socket;
SK_FUNC const StreamKind sk_stream_pipe; /* terminals and devices, too */
SK_FUNC const StreamKind sk_stream_file;

/* What a file needs beside its descriptor 'fd'. 0 or -errno. */
SK_FUNC int sk_stream_makefile (Stream *st, int fd);
/* Move to 'offset' from 'whence', as lseek(2) has it: the new place or -errno.
   What was read ahead is given up. */
SK_FUNC int64_t sk_stream_seek (Stream *st, int64_t offset, int whence);

#endif
