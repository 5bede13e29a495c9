"""An application of Streamlit that says to whom it speaks, counts, and takes a file."""
import streamlit as st

st.write("known as " + st.context.headers.get("X-User-Email", "nobody"))
if "count" not in st.session_state:
    st.session_state.count = 0
if st.button("Count"):
    st.session_state.count += 1
st.write(f"counted {st.session_state.count}")
file = st.file_uploader("A file")
if file:
    st.write(f"received {file.size}")
