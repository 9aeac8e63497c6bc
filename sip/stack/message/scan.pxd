cimport cython

cdef bytes _TOKEN
cdef int _SLOTS
cdef list _SPELT
cdef list _NAMED


@cython.locals(
    p=cython.p_uchar,
    token=bytes,
    size=cython.Py_ssize_t,
    line_end=cython.Py_ssize_t,
    position=cython.Py_ssize_t,
    start=cython.Py_ssize_t,
    name_end=cython.Py_ssize_t,
    value_start=cython.Py_ssize_t,
    value_end=cython.Py_ssize_t,
    rows=list,
    first=dict,
    name=str,
    value=str,
)
cpdef tuple scan(bytes head, Py_ssize_t rows_max)


@cython.locals(p=cython.p_uchar, size=cython.Py_ssize_t, byte=cython.uchar)
cdef Py_ssize_t end_of_line(bytes head, Py_ssize_t position) except -2


@cython.locals(p=cython.p_uchar, q=cython.p_uchar, spelt=bytes, slot=cython.Py_ssize_t, position=cython.Py_ssize_t)
cdef str full_name(bytes head, Py_ssize_t start, Py_ssize_t end)
