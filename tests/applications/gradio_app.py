"""An application of Gradio that greets whom the gateway names, and measures a file."""
import os

import gradio as gr


def greet(name: str, request: gr.Request) -> str:
    return f"Hello {name}, known as {request.headers.get('x-user-email')}"


def measure(path: str) -> str:
    return str(os.path.getsize(path))


with gr.Blocks() as demo:
    name, file, out = gr.Textbox(), gr.File(), gr.Textbox()
    gr.Button("Greet").click(greet, name, out, api_name="greet")
    gr.Button("Measure").click(measure, file, out, api_name="measure")

demo.launch(server_name="127.0.0.1", server_port=int(os.environ["PORT"]), root_path="/gradio")
