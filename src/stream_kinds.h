/*
** stream_kinds.h - How the bytes of each kind of descriptor come and go.
*/
#ifndef sk_stream_kinds_h
#define sk_stream_kinds_h

#include "stream.h"

SK_FUNC const StreamKind sk_stream_socket;
SK_FUNC const StreamKind sk_stream_pipe; /* terminals and devices, too */

#endif
